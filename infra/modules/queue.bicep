// The queue of a round's work, for deployments with many workspaces: its messages name a workspace each, and hold no data.

@description('Name of the storage account.')
param accountName string

@description('Object id of the app\'s identity.')
param principalId string

@description('The workspace that keeps the queue\'s access log.')
param logWorkspaceId string

var queueContributorRole = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: accountName
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

@description('Its name is in function_app.py, too. The host makes sweep-work-poison beside it when it needs that.')
resource work 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'sweep-work'
}

@description('The app sends the messages of a round, and the Functions host takes them.')
resource useQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, queueContributorRole)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueContributorRole)
  }
}

@description('Who put messages into the queue, or emptied it. Reading is left out: the host does it all day.')
resource queueLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-log-analytics'
  scope: queues
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

output endpoint string = account.properties.primaryEndpoints.queue
