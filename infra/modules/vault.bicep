// The one secret there is: the Teams webhook's URL, whose signature is the key to the channel. With many workspaces
// webhooks.bicep adds theirs.

@description('Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Object id of the app\'s identity.')
param principalId string

@description('The webhook\'s URL. Empty: the secret that is there stays as it is.')
@secure()
param webhookUrl string

@description('The workspace that keeps the vault\'s audit log.')
param logWorkspaceId string

@description('Disabled: reached over private endpoints only.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string

var secretsUserRole = '4633458b-17de-408a-b874-0445c86b69e6'
var secretName = 'teams-webhook-url'

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
  }
}

resource webhook 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(webhookUrl)) {
  parent: vault
  name: secretName
  tags: tags
  properties: {
    value: webhookUrl
    contentType: 'text/plain'
  }
}

@description('Lets the app read the secret; the vault holds webhooks only.')
resource readSecret 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, secretsUserRole)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUserRole)
  }
}

@description('Who read or changed the secret.')
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-log-analytics'
  scope: vault
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

output id string = vault.id
output name string = vault.name
output webhookSecretUri string = '${vault.properties.vaultUri}secrets/${secretName}'
