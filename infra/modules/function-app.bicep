// The app: Flex Consumption, Python 3.13, no inbound function, no password to publish with.

@description('Name of the app.')
param name string

@description('Name of the plan.')
param planName string

@description('Region.')
param location string

@description('Tags, azd-service-name among them.')
param tags object

@description('Resource id of the app\'s identity.')
param identityId string

@description('Client id of the app\'s identity.')
param identityClientId string

@description('Blob endpoint of the host\'s storage.')
param blobEndpoint string

@description('Table endpoint of the host\'s storage.')
param tableEndpoint string

@description('Queue endpoint of the host\'s storage. Empty: the app has no queue function, and the host needs none.')
param queueEndpoint string

@description('Container that holds the package.')
param packageContainerUrl string

@description('Connection string of Application Insights: an address, not a key, since its local authentication is off.')
param connectionString string

@description('The workspace that keeps the app\'s own log, beside Application Insights.')
param logWorkspaceId string

@description('Memory of the instance.')
param instanceMemoryMB int

@description('Subnet that the app sends all its traffic through. Empty: none.')
param subnetId string

@description('The sweep\'s settings: app-setting name to text.')
param settings object

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    vnetRouteAllEnabled: empty(subnetId) ? null : true
    // Flex Consumption refuses ftpsState and others here (error 51021); the two policies below close FTP and publishing.
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: 40
        instanceMemoryMB: instanceMemoryMB
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, {
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__blobServiceUri: blobEndpoint
    AzureWebJobsStorage__tableServiceUri: tableEndpoint
    APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  }, empty(queueEndpoint) ? {} : {
    AzureWebJobsStorage__queueServiceUri: queueEndpoint
  })
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noBasicPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

@description('The app\'s log by a second way: it still works when Application Insights does not.')
resource appLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-log-analytics'
  scope: app
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
  }
}

output name string = app.name
